"""Tests of xeninstall.base, a file each."""
