"""The fields that records of XAPI have to have when they are created, and those that they may have, by the XenAPI's reference."""

_VDI_WORDS = "name_label name_description SR virtual_size type sharable read_only other_config xenstore_data sm_config tags"
_VM_WORDS = (
    "name_label name_description user_version is_a_template affinity memory_static_max memory_static_min memory_dynamic_max "
    "memory_dynamic_min VCPUs_params VCPUs_max VCPUs_at_startup actions_after_shutdown actions_after_reboot "
    "actions_after_crash PV_bootloader PV_kernel PV_ramdisk PV_args PV_bootloader_args PV_legacy_args HVM_boot_policy "
    "HVM_boot_params platform PCI_bus other_config recommendations"
)
_VM_MORE = (
    "memory_target HVM_shadow_multiplier xenstore_data ha_always_run ha_restart_priority tags blocked_operations "
    "protection_policy has_vendor_device domain_type"
)
_VBD_WORDS = "VM VDI userdevice bootable mode type unpluggable empty other_config qos_algorithm_type qos_algorithm_params"
_VIF_WORDS = "VM network device MAC MTU other_config qos_algorithm_type qos_algorithm_params"
VDI_FIELDS, VM_NEEDED = set(_VDI_WORDS.split()), set(_VM_WORDS.split())
VM_ALLOWED = VM_NEEDED | set(_VM_MORE.split())
VBD_NEEDED, VIF_NEEDED = set(_VBD_WORDS.split()), set(_VIF_WORDS.split())
