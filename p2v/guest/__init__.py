"""The guest: what system is on the disks, and what it needs so that it boots as a virtual machine."""
