# SPDX-License-Identifier: BSD-2-Clause
# `make` builds the command and the libraries; `make help` lists the rest. Source lists are folders: a file that is added
# there is built. B= chooses the build folder, CC= the compiler, GLIB=system the real GLib at LibVMI's interface.
VERSION := 0.1.0
B ?= build
CC = gcc
CLANG = clang
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
OPT ?= -O2 -g
SAN ?=
WARN = -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla
CPPFLAGS += -Iinclude -Isrc -I. -DTINYVMI_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu11 $(OPT) $(SAN) $(WARN) -fPIC -fvisibility=hidden -fno-strict-aliasing -fstack-protector-strong -MMD -MP
LIBS = -lkdumpfile -lsnappy -ljson-c -llzma -lz
LIB_DIRS := src/core src/phys src/xlat src/sym src/os src/os/linux src/os/windows src/source src/event src/xen src/vmi platform/linux

ifeq ($(GLIB),system)
CPPFLAGS += $(shell pkg-config --cflags glib-2.0)
LIBS += $(shell pkg-config --libs glib-2.0)
else
CPPFLAGS += -Iinclude/compat
LIB_DIRS += src/compat
endif

LIB_SRC := $(foreach d,$(LIB_DIRS),$(sort $(wildcard $d/*.c)))
CMD_SRC := $(sort $(wildcard tools/tinyvmi/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$B/obj/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$B/obj/%.o)
UNIT := $(patsubst tests/unit/%.c,$B/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BENCH := $(patsubst bench/%.c,$B/bench/%,$(filter-out bench/glib.c,$(sort $(wildcard bench/*.c))))
EXAMPLES := $(patsubst examples/%.c,$B/examples/%,$(sort $(wildcard examples/*.c)))
comma := ,
PARTS := $B/libtinyvmi-parts.a

all: $B/tinyvmi $B/libtinyvmi.a $B/libtinyvmi.so $B/tinyvmi.pc

help:
	@sed -n 's/^#: //p' Makefile

$B/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# For tests: all objects, inner names visible.
$(PARTS): $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

# One relocatable object whose inner names are local, so that they cannot clash with a program's.
$B/libtinyvmi.a: $(LIB_OBJ)
	@echo "  AR    $@"
	@ld -r -o $B/obj/libtinyvmi.o $^
	@objcopy --localize-hidden $B/obj/libtinyvmi.o
	@rm -f $@
	@ar rcs $@ $B/obj/libtinyvmi.o

$B/libtinyvmi.so: $(LIB_OBJ) libtinyvmi.map
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libtinyvmi.so.0 -Wl,--version-script=libtinyvmi.map \
	    -Wl,-z,relro,-z,now$(if $(SAN),,$(comma)--no-undefined) -o $@ $(LIB_OBJ) $(LIBS)
	@ln -sf libtinyvmi.so $B/libtinyvmi.so.0

$B/tinyvmi: $(CMD_OBJ) $B/libtinyvmi.a
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro,-z,now -o $@ $^ $(LIBS)

$B/tinyvmi.pc: force # PREFIX may differ from the last time
	@mkdir -p $B
	@printf 'prefix=%s\nlibdir=%s\nincludedir=$${prefix}/include\n\nName: tinyvmi\nDescription: virtual machine introspection\nVersion: %s\nLibs: -L$${libdir} -ltinyvmi\nLibs.private: %s\nCflags: -I$${includedir}\n' \
	    '$(PREFIX)' '$(LIBDIR)' '$(VERSION)' '$(LIBS)' >$@

#: make                build/tinyvmi, build/libtinyvmi.{a,so}
#: make demo           boots a small Linux guest under QEMU and shows what can be seen in it (installs what is missing)
#: make check          all tests that need no lab of hours (installs what is missing)
#: make unit           the quick tests: no virtual machine, no root
#: make check-guests   the tests on real Debian guests; GUESTS="amd64-kaslr arm64" chooses
#: make check-xen      real Xen 4.14, 4.17, 4.20 and guests under emulation; XEN="4.17" chooses
#: make check-xen-vmx  Xen 4.17 on an emulated Intel: memory events, single-step, altp2m views
#: make check-windows  the Windows view against images that tests/windows/mkwin writes
#: make fuzz           each fuzz target for FUZZ_SECONDS (60); make fuzz-corpus runs the seeds alone
#: make asan           the unit tests under ASan and UBSan
#: make tsan           the unit tests under ThreadSanitizer
#: make valgrind       the tests of LibVMI's interface and the examples under valgrind
#: make bench          speed beside memcpy and libkdumpfile; DUMP= a memory file
#: make examples        build/examples: the programs that LibVMI's users know
#: make layers         does a lower folder include a higher one?
#: make unikernel      build/unikernel/tinyvmi, a Xen guest that introspects; APP=examples/map-addr.c: with that program instead
#: make format         clang-format on what git tracks
#: make site           the documentation into build/site; make site-serve shows it on localhost
#: make docs-check     the site: links, HTML, completeness, its sessions, and its pages in a browser
#: make install        PREFIX=/usr/local: command, libraries, headers, manual pages, completion
#: make install-libvmi-compat   the same in LibVMI's place: libvmi.so.0, libvmi.pc (docs/compat.md)
#: make deps           the packages that building and testing need

deps:
	@lab/setup packages.txt lab/packages.txt

deps-build:
	@lab/setup packages.txt

demo: deps
	@$(MAKE) --no-print-directory -j2 all
	@tools/demo $B/tinyvmi

check: deps
	@$(MAKE) --no-print-directory -j2 all tests
	@B=$B tests/run layers compile unit fuzz-corpus compat cli windows guests

tests: $(UNIT) $(FUZZ:%=$B/fuzz/%-corpus) $B/tests/translate $B/tests/on-guest $B/tests/profile examples

$B/tests/translate $B/tests/profile: $B/tests/%: tests/guest/%.c $B/libtinyvmi.a
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libtinyvmi.a $(LIBS)

$B/tests/on-guest: tests/compat/on_guest.c $B/libtinyvmi.a
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libtinyvmi.a $(LIBS) -lpthread

unit: tests
	@B=$B tests/run layers compile unit fuzz-corpus cli

check-guests: deps
	@$(MAKE) --no-print-directory -j2 all examples $B/tests/translate $B/tests/on-guest $B/tests/profile
	@B=$B tests/run guests

XEN_CHECKS := $(patsubst tests/xen/%.c,$B/tests/xen/%,$(sort $(wildcard tests/xen/*.c)))

$B/tests/xen/%: tests/xen/%.c $B/libtinyvmi.a
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libtinyvmi.a $(LIBS) -lpthread

deps-xen:
	@lab/setup packages.txt lab/packages.txt lab/xen-packages.txt

check-xen: deps-xen
	@$(MAKE) --no-print-directory -j2 all examples xen-checks
	@B=$B tests/run xen

check-xen-vmx: deps-xen
	@$(MAKE) --no-print-directory -j2 all examples xen-checks
	@B=$B XEN=vmx tests/run xen

xen-checks: $(XEN_CHECKS)

check-windows: all examples $(PARTS)
	@B=$B tests/run windows

$B/tests/%: tests/unit/%.c $(PARTS)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(CPPFLAGS) -Itools/tinyvmi $(CFLAGS) $(LDFLAGS) -o $@ $< $(PARTS) -lcmocka $(LIBS) -lpthread

# A fuzz target with a plain main() that runs files: the seeds are part of the tests, with any compiler.
$B/fuzz/%-corpus: tests/fuzz/%.c tests/fuzz/main.c $(PARTS)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes $(LDFLAGS) -o $@ $< tests/fuzz/main.c $(PARTS) $(LIBS)

FUZZ_SECONDS ?= 60
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

fuzz:
	@$(MAKE) --no-print-directory -j2 B=$B-fuzz CC=$(CLANG) OPT="-O1 -g" SAN="$(SANITIZE) -fsanitize=fuzzer-no-link" fuzz-programs
	@for t in $(FUZZ); do FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $B-fuzz/fuzz/$$t || exit 1; done

fuzz-programs: $(FUZZ:%=$B/fuzz/%)

$B/fuzz/%: tests/fuzz/%.c $(PARTS)
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -fsanitize=fuzzer -o $@ $< $(PARTS) $(LIBS)

fuzz-corpus: $(FUZZ:%=$B/fuzz/%-corpus)
	@B=$B tests/run fuzz-corpus

asan:
	@$(MAKE) --no-print-directory -j2 B=$B-asan CC=$(CLANG) OPT="-O1 -g" SAN="$(SANITIZE)" all tests
	@B=$B-asan tests/run unit fuzz-corpus cli

tsan:
	@$(MAKE) --no-print-directory -j2 B=$B-tsan CC=$(CLANG) OPT="-O1 -g" SAN="-fsanitize=thread" tests
	@B=$B-tsan tests/run unit

valgrind: tests
	@B=$B tests/compat/valgrind

$B/bench/%: bench/%.c $(PARTS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(PARTS) $(LIBS) -laddrxlat

bench: all $(BENCH)
	@B=$B bench/run $(DUMP)

examples: $(EXAMPLES)

$B/examples/%: examples/%.c $(wildcard examples/*.h) $B/libtinyvmi.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $B/libtinyvmi.a $(LIBS)

layers:
	@tests/layers

# In a makefile of its own: another compiler line, another C library
unikernel unikernel-stats check-unikernel demo-xen:
	@$(MAKE) --no-print-directory -f unikernel.mk B=$B APP="$(APP)" $@

site: $B/tinyvmi
	@lab/setup docs/packages.txt
	@B=$B docs/build $B/site

docs-check: $B/tinyvmi $B/libtinyvmi.so $B/libtinyvmi.a
	@lab/setup docs/packages.txt
	@B=$B docs/check

site-serve: site
	@echo "http://localhost:8000/"
	@python3 -m http.server 8000 --bind 127.0.0.1 --directory $B/site

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(MANDIR)/man1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install $B/tinyvmi $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $B/libtinyvmi.a $(DESTDIR)$(LIBDIR)/
	install $B/libtinyvmi.so $(DESTDIR)$(LIBDIR)/libtinyvmi.so.0
	ln -sf libtinyvmi.so.0 $(DESTDIR)$(LIBDIR)/libtinyvmi.so
	install -m 644 $B/tinyvmi.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	cp -r include/tinyvmi include/libvmi $(DESTDIR)$(PREFIX)/include/
	$B/tinyvmi completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tinyvmi
	$B/tinyvmi completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tinyvmi
	$B/tinyvmi completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tinyvmi.fish
	$B/tinyvmi man >$(DESTDIR)$(MANDIR)/man1/tinyvmi.1
	for v in $(patsubst tools/tinyvmi/verb_%.c,%,$(wildcard tools/tinyvmi/verb_*.c)); do $B/tinyvmi man $$v >$(DESTDIR)$(MANDIR)/man1/tinyvmi-$$v.1; done

# In LibVMI's place: headers, libvmi.pc, and a shared object with LibVMI's soname (libvmi.so.0; its build names the file
# 0.MAJOR.MINOR) whose symbols have no versions, as LibVMI's have none. Programs hand GLib's tables and lists over, so by default it
# is built with the real GLib; COMPAT_GLIB=own takes our containers, for programs that have no other GLib.
LIBVMI_VERSION := 0.15.0
COMPAT_GLIB ?= system
COMPAT_B ?= $B-libvmi
ifeq ($(GLIB),system)
COMPAT_PC = Requires: glib-2.0\nLibs: -L$${libdir} -lvmi\nCflags: -I$${includedir}\n
else
COMPAT_PC = Libs: -L$${libdir} -lvmi\nCflags: -I$${includedir} -I$${includedir}/libvmi/compat\n
endif

$B/libvmi.so: $(LIB_OBJ) libvmi.map
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libvmi.so.0 -Wl,--version-script=libvmi.map \
	    -Wl,-z,relro,-z,now$(if $(SAN),,$(comma)--no-undefined) -o $@ $(LIB_OBJ) $(LIBS)

install-libvmi-compat:
	@[ "$(COMPAT_GLIB)" != system ] || pkg-config --exists glib-2.0 || { echo "glib-2.0 is not there: install libglib2.0-dev, or say COMPAT_GLIB=own"; exit 1; }
	@$(MAKE) --no-print-directory -j2 B=$(COMPAT_B) GLIB=$(COMPAT_GLIB) install-libvmi

install-libvmi: $B/libvmi.so $B/libtinyvmi.a
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/libvmi
	install $B/libvmi.so $(DESTDIR)$(LIBDIR)/libvmi.so.0.0.15
	ln -sf libvmi.so.0.0.15 $(DESTDIR)$(LIBDIR)/libvmi.so.0
	ln -sf libvmi.so.0 $(DESTDIR)$(LIBDIR)/libvmi.so
	install -m 644 $B/libtinyvmi.a $(DESTDIR)$(LIBDIR)/libvmi.a
	install -m 644 include/libvmi/*.h $(DESTDIR)$(PREFIX)/include/libvmi/
	cp -r include/tinyvmi $(DESTDIR)$(PREFIX)/include/
ifneq ($(GLIB),system)
	install -d $(DESTDIR)$(PREFIX)/include/libvmi/compat
	install -m 644 include/compat/glib.h $(DESTDIR)$(PREFIX)/include/libvmi/compat/
endif
	printf 'prefix=%s\nlibdir=%s\nincludedir=$${prefix}/include\n\nName: LibVMI Library\nDescription: TinyVMI in the place of LibVMI\nVersion: %s\nLibs.private: %s\n$(COMPAT_PC)' \
	    '$(PREFIX)' '$(LIBDIR)' '$(LIBVMI_VERSION)' '$(LIBS)' >$(DESTDIR)$(LIBDIR)/pkgconfig/libvmi.pc

clean:
	rm -rf $B $B-asan $B-fuzz $B-tsan $B-libvmi

.PHONY: deps-xen check-xen check-xen-vmx xen-checks unikernel unikernel-stats check-unikernel demo-xen force all help deps deps-build demo check tests unit examples check-guests check-windows fuzz fuzz-programs fuzz-corpus asan tsan valgrind bench layers site docs-check site-serve format install install-libvmi-compat install-libvmi clean
.SECONDARY: $(LIB_OBJ) $(CMD_OBJ)
-include $(shell find $B -name '*.d' 2>/dev/null)
