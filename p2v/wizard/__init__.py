"""The convert flow of the installer's wizard: its steps, and what they share. Entry points `xeninstall.flows` lead here."""

from xeninstall.wizard.kit import add_catalogs

add_catalogs("p2v")
