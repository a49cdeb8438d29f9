# SPDX-License-Identifier: GPL-2.0-only
# The workbench. Kbuild beside this file is what the kernel's build reads.

KVER	?= $(shell uname -r)
KDIR	?= /lib/modules/$(KVER)/build
DESTDIR	?=
PREFIX	?= /usr/local
V	?= 0

# What the modules cannot be built without; what tests need besides is in selftests/config.
REQUIRED := MODULES NET INET NETFILTER NF_CONNTRACK NF_NAT
# Without these a part of the policy has no effect; said, not refused.
OPTIONAL := NF_CONNTRACK_ZONES NF_CONNTRACK_MARK NF_CONNTRACK_EVENTS IPV6

VM	:= selftests/vm
RELEASE	= $(shell sed -n 's/.*"\(.*\)".*/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
MODULES	:= $(MAKE) -C $(KDIR) M=$(CURDIR) V=$(V)

.DEFAULT_GOAL := all

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

all: modules tools ## modules for the running kernel (KDIR=... for another) and algctl

modules: check-config ## only the modules
	+$(MODULES) modules

tools: ## only algctl
	+$(MAKE) -C tools all

check-config: ## can the modules be built for this kernel? Names the CONFIG_ symbols that are missing
	@$(VM)/check-config "$(KDIR)" "$(REQUIRED)" "$(OPTIONAL)"

install: ## modules, algctl, manual pages, completion (DESTDIR=, KVER=)
	+$(MODULES) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates DEPMOD=true modules_install
	+$(MAKE) -C tools DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) install
	$(if $(DESTDIR),,depmod -a $(RELEASE))

# Not kbuild's own clean: that would also empty the kernel trees below build/.
clean: ## what a build left; kernels and downloads in build/ stay (distclean: all of build/)
	@find alg nat policy selftests \( -name '*.o' -o -name '.*.cmd' -o -name '*.o.d' \) -type f -delete
	rm -f *.ko *.mod *.mod.c *.o .*.o .*.cmd Module.symvers modules.order
	+@$(MAKE) -C tools clean
	rm -rf build/modules build/tools build/unit build/fuzz build/log build/vm build/ynl

distclean: clean ## build/ with the kernels, too
	rm -rf build

demo: ## see it work: two tenants behind a CGNAT, in a throw-away kernel
	@selftests/demo/run

check: ## everything: style, unit tests, tools, fuzzers, net tests in stock 6.1, stock 6.12 and debug kernels
	@selftests/run-check all

check-fast: ## unit tests and net tests in the debug kernel
	@selftests/run-check fast

check-debug: ## only the net tests in the debug kernel
	@selftests/run-check debug

style: ## source rules, shellcheck, sparse, gcc and clang with W=1
	@selftests/run-check style

unit: ## only the unit tests
	@selftests/run-check unit

fuzz: ## fuzzers, for longer than make check does (RUNS=, SECONDS=)
	+$(MAKE) -C selftests/fuzz check RUNS=$(or $(RUNS),20000000) SECONDS=$(or $(SECONDS),300)

bench: ## measurements in the bench kernel, ours beside the kernel's own helpers
	@selftests/run-check bench

.PHONY: help all modules tools check-config install clean distclean
.PHONY: demo check check-fast check-debug style unit fuzz bench
