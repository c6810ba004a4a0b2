# SPDX-License-Identifier: BSD-2-Clause
# The unikernel: `make unikernel` and its siblings come here. The same core, Xen driver and verbs as the command, with
# platform/unikernel below them and picolibc (lab/libc) as the C library. What a unikernel has no use for is left out by
# the lists here; what it answers in its own way is in platform/unikernel under the name of the file that it replaces.
B ?= build
U := $B/unikernel
CC = gcc
APP ?=
VERSION := $(shell sed -n 's/^VERSION := //p' Makefile)

LEAVE_OUT := src/source/elf%.c src/source/lime.c src/source/avml.c src/source/kdump%.c src/source/raw.c src/source/crash%.c \
    src/source/qemu%.c src/source/qmp.c src/source/vmcore%.c \
    src/source/kinds.c src/vmi/json.c
LEAVE_OUT_VERBS := tools/tinyvmi/host.c

DIRS := src/core src/phys src/xlat src/sym src/os src/os/linux src/os/windows src/source src/event src/xen src/vmi src/compat
CORE := $(filter-out $(LEAVE_OUT),$(foreach d,$(DIRS),$(sort $(wildcard $d/*.c)))) $(sort $(wildcard platform/unikernel/core/*.c))
HOME_SRC := $(sort $(wildcard platform/unikernel/*.c)) platform/unikernel/start.S
VERBS := $(filter-out $(LEAVE_OUT_VERBS),$(sort $(wildcard tools/tinyvmi/*.c)))

WARN = -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla -Wno-format-truncation
GCC_INCLUDE := $(shell $(CC) -print-file-name=include)
INCLUDES = -nostdinc -isystem platform/unikernel/include -isystem $U/include -isystem $(LIBC)/include -isystem $(GCC_INCLUDE) -Iinclude -Iinclude/compat -Isrc -I.
DEFINES = -D_GNU_SOURCE= -D_POSIX_TIMERS=1 -D_POSIX_MONOTONIC_CLOCK=200112L -D__XEN_INTERFACE_VERSION__=0x00040d00 \
    -DTINYVMI_VERSION='"$(VERSION)"'
# One thread, no unwinding, position fixed; the red zone is Xen's (start.S).
FLAGS = -std=gnu11 -Os -g $(WARN) -fno-pic -fno-pie -mno-red-zone -mcmodel=small -mno-avx -fno-asynchronous-unwind-tables \
    -ffunction-sections -fdata-sections -fno-strict-aliasing -fstack-protector-strong -fstack-clash-protection -MMD -MP
LINK = $(CC) -static -nostdlib -no-pie -Wl,-T,platform/unikernel/link.lds -Wl,--gc-sections -Wl,-z,max-page-size=4096 \
    -Wl,-z,noexecstack -Wl,--build-id=none

NAME := $(if $(APP),$(basename $(notdir $(firstword $(APP)))),tinyvmi)
MAIN := $(if $(APP),$(APP),$(VERBS))
object = $(patsubst %,$U/obj/%.o,$(subst ../,up/,$(1:/%=root/%)))
# The core is one object, its inner names local, as in libtinyvmi.a: a program may use the same names.
OBJ := $U/core.o $(call object,$(HOME_SRC)) $(foreach s,$(MAIN),$(call object,$s))

ifndef LIBC
# The library is built first, then everything with its place known.
unikernel unikernel-stats check-unikernel demo-xen:
	@lab/setup lab/libc-packages.txt
	@libc=$$(lab/libc) && $(MAKE) --no-print-directory -f unikernel.mk B=$B LIBC=$$libc APP="$(APP)" $@
else
check-unikernel:
	@lab/setup lab/packages.txt lab/xen-packages.txt
	@$(MAKE) --no-print-directory -f unikernel.mk B=$B LIBC=$(LIBC) unikernel
	@$(MAKE) --no-print-directory -f unikernel.mk B=$B LIBC=$(LIBC) APP=examples/cr3-event-example.c unikernel
	@$(MAKE) --no-print-directory B=$B $B/tinyvmi
	@B=$B tests/unikernel/run

demo-xen:
	@lab/setup lab/packages.txt lab/xen-packages.txt
	@$(MAKE) --no-print-directory -f unikernel.mk B=$B LIBC=$(LIBC) unikernel
	@B=$B tests/unikernel/demo

unikernel-stats: unikernel
	@platform/unikernel/stats $U/$(NAME)
unikernel: $U/$(NAME)
	@size=$$(stat -c %s $U/$(NAME)) && echo "  $U/$(NAME): $$size bytes ($$((size / 1024)) KiB)"
endif

# What compiling needs beside the C library: Xen's public headers, and elf.h.
$U/include/made: unikernel.mk
	@mkdir -p $(@D)
	@ln -sfn /usr/include/xen $U/include/xen-public
	@ln -sfn /usr/include/elf.h $U/include/elf.h
	@mkdir -p $U/include/bits
	@echo '#include <sys/cdefs.h>' >$U/include/features.h
	@touch $U/include/bits/auxv.h
	@touch $@

define compile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(INCLUDES) $(DEFINES) $(FLAGS) -c $< -o $@
endef

$U/core.o: FLAGS += -fvisibility=hidden
# A program's own use of the containers that LibVMI's interface shows
$(call object,$(filter src/compat/%,$(CORE))): FLAGS += -fvisibility=default
# A user's program has warnings of its own.
$(foreach s,$(filter-out examples/%,$(APP)),$(call object,$s)): WARN = -Wall

$(call object,tools/tinyvmi/%): FLAGS += -Itools/tinyvmi

$U/obj/%.c.o: %.c | $U/include/made
	$(compile)
$U/obj/%.S.o: %.S | $U/include/made
	$(compile)
$U/obj/root/%.c.o: /%.c | $U/include/made
	$(compile)
$U/obj/up/%.c.o: ../%.c | $U/include/made
	$(compile)

$U/core.o: $(call object,$(CORE))
	@ld -r -o $@ $^
	@objcopy --localize-hidden $@

# Twice: the names of functions for crash reports are made from the first, and lie behind all that they name.
$U/$(NAME): $(OBJ) platform/unikernel/link.lds platform/unikernel/symbols unikernel.mk
	@echo "  LD    $@"
	@$(LINK) -o $@.1 $(OBJ) $(LIBC)/lib/libc.a $$($(CC) -print-libgcc-file-name)
	@nm -n $@.1 | platform/unikernel/symbols >$@.symbols.S
	@$(CC) -c -o $@.symbols.o $@.symbols.S
	@$(LINK) -Wl,-Map=$@.map -o $@.debug $(OBJ) $@.symbols.o $(LIBC)/lib/libc.a $$($(CC) -print-libgcc-file-name)
	@strip -o $@ $@.debug
	@rm -f $@.1

.PHONY: unikernel unikernel-stats check-unikernel demo-xen
-include $(shell find $U/obj -name '*.d' 2>/dev/null)
