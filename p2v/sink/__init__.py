"""Where an image goes: a file in which holes stay holes, a block device, or a pipe."""
