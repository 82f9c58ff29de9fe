"""Tests of xeninstall.verbs, a file each."""
