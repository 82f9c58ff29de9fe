# xeninstall: `make run` installs a Xen host onto a disk image, `make test` proves the product. See README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PY      := .venv/bin/python
IMAGE   := build/host.img
ANSWERS ?= xeninstall/examples/default.toml
SIZE    ?= 16G
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
READY   := .venv/ready
# Answers go into a medium only when they are given: the example's are everybody's.
BUILT_IN = $(if $(filter command environment,$(firstword $(origin ANSWERS))),--answers '$(ANSWERS)')

.PHONY: help setup image run wizard iso usb netboot vm boot test test-vm test-vm-hosts test-vm-running test-vm-guests bench bench-medium screens lint clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: $(READY) ## Install what is needed: system packages and .venv

$(READY): pyproject.toml .ci/setup
	@.ci/setup && touch $@

image: setup ## Build the host's system image once (cached in build/)
	@$(SUDO) $(PY) -m iso.build --output build

run: image ## Install a real Xen host onto build/host.img: by the wizard on a terminal, else by the example answers
	@if [ -t 0 ] && [ -t 1 ]; then
	    $(SUDO) $(PY) -m xeninstall wizard --target $(IMAGE) --size $(SIZE) --system build/system.squashfs
	else
	    $(SUDO) $(PY) -m xeninstall install $(ANSWERS) --target $(IMAGE) --size $(SIZE) --system build/system.squashfs
	fi
	echo "  or here:     make boot"

wizard: image ## Install onto build/host.img by the wizard
	@$(SUDO) $(PY) -m xeninstall wizard --target $(IMAGE) --size $(SIZE) --system build/system.squashfs

iso: setup ## Build the boot medium, build/xeninstall.iso (ANSWERS=FILE: one that installs by itself, too)
	@$(SUDO) $(PY) -m iso.build --output build --iso $(BUILT_IN)

usb: setup ## Write it onto a USB stick: make usb DEVICE=/dev/sdX (asks; ERASE=yes does not)
	@[ -n '$(DEVICE)' ] || { echo 'Name the stick: make usb DEVICE=/dev/sdX (lsblk lists the disks)' >&2; exit 2; }
	$(MAKE) --no-print-directory iso
	$(SUDO) $(PY) -m iso.medium.usb '$(DEVICE)' --erase '$(ERASE)'

netboot: setup ## Build the medium for a web server and iPXE, build/netboot
	@$(SUDO) $(PY) -m iso.build --output build --netboot $(BUILT_IN)

vm: iso ## Boot the medium in QEMU beside a blank disk, on this terminal (Ctrl+A X ends it)
	@$(SUDO) iso/vm build/xeninstall.iso

boot: setup ## Boot build/host.img in QEMU on this terminal (Ctrl+A X ends it)
	@iso/vm $(IMAGE)

test: image ## Pass the tests: units, real installations onto images, one boot in QEMU
	@$(SUDO) $(PY) -m pytest -n 3 tests --ignore=tests/system
	@$(SUDO) $(PY) -m pytest -n 2 --dist loadfile -m 'not vm' tests/system

test-vm: test-vm-hosts test-vm-running test-vm-guests ## The fuller matrix in QEMU: the three that follow

# Two machines at once, each with one processor; a file stays with one of the two.
IN_QEMU = $(SUDO) env XENINSTALL_TEST_PROCESSORS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 30 -m vm
NO_HOSTS = test_guest*.py test_medium_convert.py test_bootstrap*.py test_setup_console.py

test-vm-hosts: iso netboot ## The medium, what it installs, and that the host starts (an hour without KVM: give it the whole computer)
	@$(IN_QEMU) $(NO_HOSTS:%=--ignore-glob='*/%') tests/system

test-vm-running: image ## A running Debian becomes a host, and a host is set up again
	@$(IN_QEMU) tests/system/test_bootstrap*.py tests/system/test_setup_console.py

test-vm-guests: iso ## Converted machines start; every copy, and every kill in the middle of one
	@$(IN_QEMU) tests/system/test_guest*.py tests/system/test_medium_convert.py
	$(SUDO) P2V_KILLS=8 $(PY) -m pytest -m 'vm or not vm' tests/p2v/test_kill.py tests/p2v/test_roundtrip.py

bench: image ## Time an installation against bare unsquashfs and mmdebstrap; the wizard's start, bytes and memory; p2v and what it sends beside its peers
	@$(SUDO) $(PY) -m tests.bench.install
	@$(SUDO) $(PY) -m tests.bench.wizard
	@$(SUDO) $(PY) -m tests.bench.p2v
	@$(SUDO) $(PY) -m tests.bench.repaired
	@$(SUDO) $(PY) -m tests.bench.targets

bench-medium: iso ## Time the medium beside debian-installer's netboot image, in QEMU (needs its package)
	@$(SUDO) $(PY) -m tests.bench.medium

screens: setup ## Renew the README's pictures of the wizard (then look at them)
	@$(PY) -m pytest tests/wizard/test_pictures.py tests/p2v/wizard/test_pictures.py --renew-golden

lint: setup ## Style, types, import floors
	@$(PY) -m ruff check xeninstall p2v iso tests
	@$(PY) -m ruff format --check xeninstall p2v iso tests
	@$(PY) -m mypy
	@.venv/bin/lint-imports

clean: ## Remove what was built; .venv stays (remove it by hand)
	@$(SUDO) rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
