"""Tests of xeninstall.plan, a file each."""
