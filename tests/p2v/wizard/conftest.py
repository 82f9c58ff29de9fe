"""The same beginning as every test of the installer's wizard has."""

from tests.wizard.conftest import same_for_all

__all__ = ["same_for_all"]
