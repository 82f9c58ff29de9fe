"""Texts of the convert flow in other languages than English: one folder a language."""
