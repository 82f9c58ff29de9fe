"""Tests mirror the packages; each file reads as statements about the product."""
