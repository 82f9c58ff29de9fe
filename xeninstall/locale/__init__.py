"""Catalogs of the wizard's texts, one .po a language."""
