"""The probe, against fake trees, recorded command output, and the machine that the tests run on."""
