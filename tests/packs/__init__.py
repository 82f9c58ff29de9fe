"""Tests of xeninstall.packs."""
