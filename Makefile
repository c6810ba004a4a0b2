# SPDX-License-Identifier: BSD-2-Clause
# `make` builds the command and the libraries; `make help` lists the rest. Source lists are folders: a file added there
# is built. B= chooses the build folder, CC= the compiler.
VERSION := 0.1.0
B ?= build
CC = gcc
CLANG = clang
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
OPT ?= -O2 -g
WARN = -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow=local -Wvla
CPPFLAGS += -Iinclude -Isrc -I. -DTINYVMI_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu11 $(OPT) $(WARN) -fPIC -fvisibility=hidden -fno-strict-aliasing -fstack-protector-strong -MMD -MP
LIBS = -lkdumpfile -lsnappy

LIB_DIRS := src/core src/phys src/xlat src/sym src/os src/os/linux src/source src/vmi platform/linux
LIB_SRC := $(foreach d,$(LIB_DIRS),$(sort $(wildcard $d/*.c)))
CMD_SRC := $(sort $(wildcard tools/tinyvmi/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$B/obj/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$B/obj/%.o)
UNIT := $(patsubst tests/unit/%.c,$B/tests/%,$(sort $(wildcard tests/unit/test_*.c)))

all: $B/tinyvmi $B/libtinyvmi.a $B/libtinyvmi.so $B/tinyvmi.pc

$B/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$B/libtinyvmi-parts.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

# One relocatable object whose inner names are local, so that they cannot clash with a program's.
$B/libtinyvmi.a: $(LIB_OBJ)
	$(CC) -r -nostdlib -o $B/obj/libtinyvmi.o $^
	objcopy --localize-hidden $B/obj/libtinyvmi.o
	@rm -f $@
	ar rcs $@ $B/obj/libtinyvmi.o

$B/libtinyvmi.so: $(LIB_OBJ) libtinyvmi.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libtinyvmi.so.0 -Wl,--version-script=libtinyvmi.map -Wl,-z,relro,-z,now,--no-undefined -o $@ $(LIB_OBJ) $(LIBS)
	ln -sf libtinyvmi.so $B/libtinyvmi.so.0

$B/tinyvmi: $(CMD_OBJ) $B/libtinyvmi.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$B/tests/%: tests/unit/%.c $B/libtinyvmi-parts.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libtinyvmi-parts.a -lcmocka $(LIBS)

-include $(shell find $B -name '*.d' 2>/dev/null)
