// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include <linux/etherdevice.h>
#include <linux/firmware.h>
#include <linux/module.h>

static struct net_device *card;

static netdev_tx_t swallow(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops operations = { .ndo_start_xmit = swallow };

static void set_up(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &operations;
	eth_hw_addr_random(dev);
}

static int __init packtest_init(void)
{
	const struct firmware *blob;
	int error;

	card = alloc_netdev(0, "packnic%d", NET_NAME_ENUM, set_up);
	if (!card)
		return -ENOMEM;
	error = register_netdev(card);
	if (error) {
		free_netdev(card);
		return error;
	}
	if (request_firmware_direct(&blob, "packtest/hello.bin", &card->dev) == 0) {
		pr_info("packtest: loaded, firmware says %.*s\n", (int)min_t(size_t, blob->size, 40), blob->data);
		release_firmware(blob);
	} else {
		pr_info("packtest: loaded, without its firmware\n");
	}
	return 0;
}

static void __exit packtest_exit(void)
{
	unregister_netdev(card);
	free_netdev(card);
}

module_init(packtest_init);
module_exit(packtest_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A network card that swallows everything: proof that a driver pack arrived");
MODULE_FIRMWARE("packtest/hello.bin");
