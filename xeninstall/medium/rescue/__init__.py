"""Rescue: installed hosts found on disks and images, looked into, and their boot loaders repaired."""
