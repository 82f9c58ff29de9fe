"""The product on real images and in QEMU: what is installed boots, and is what was answered."""
