"""Tests of xeninstall.apply, a file each."""
