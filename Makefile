# make · make install · make installcheck [REGRESS=…] [ISOLATION=…]   the module, for the server that PG_CONFIG names
# make check-all [FRESH=1]                                              the same on seven servers, and the packages, hours: test/check-all
# make deb · make dist                                                  Debian packages, in build/deb; the archive for PGXN, in build
# make check · make demo · make bench [QUICK=1] [COUNT=1]               the front door: they install what is missing first
# make pictures                                                         the pictures of the examples, in examples/pictures

front_door := check check-all demo pictures bench deb dist
.PHONY: $(front_door)

EXTENSION = replicache_ext
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)

ifneq ($(filter $(front_door),$(MAKECMDGOALS)),)

# Nothing of PGXS here: on a fresh machine there is no pg_config yet.
check:
	@test/check

check-all:
	@FRESH='$(FRESH)' test/check-all

demo:
	@examples/demo

pictures:
	@examples/pictures/run

bench:
	@QUICK='$(QUICK)' KEEP='$(KEEP)' bench/$(if $(COUNT),count,run)

deb:
	@debian/build

dist:
	@git rev-parse HEAD >/dev/null 2>&1 || { echo 'make dist: there is no commit here to make an archive of' >&2; exit 1; }
	@mkdir -p build
	@git archive --prefix=$(EXTENSION)-$(EXTVERSION)/ --output=build/$(EXTENSION)-$(EXTVERSION).zip HEAD
	@git diff --quiet HEAD || echo 'make dist: what is not committed is not in the archive'
	@echo 'archive: build/$(EXTENSION)-$(EXTVERSION).zip'

else

MODULE_big = $(EXTENSION)
OBJS := $(patsubst %.cpp,%.o,$(sort $(shell find src -name '*.cpp')))
DEPS := $(OBJS:.o=.d)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
DATA = $(sort $(wildcard src/sql/upgrade/*.sql))

# Our warnings are not for PostgreSQL's headers. WERROR=1 makes them errors, as the tests do: the next compiler may know a new one.
# The environment has the flags of whoever makes a package, which PGXS would override.
given := $(if $(filter environment,$(origin CXXFLAGS)),$(CXXFLAGS))
PG_CPPFLAGS = -Isrc -isystem $(includedir_server)
PG_CXXFLAGS = -std=c++20 -Wall -Wextra $(if $(WERROR),-Werror) -Wno-register -MMD -MP $(given)
SHLIB_LINK = -lstdc++
# Inlining this module into queries would gain nothing, and clang need not be there.
override with_llvm = no

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --outputdir=build/regress
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/isolation
REGRESS_PREP = build/regress build/isolation

EXTRA_CLEAN = $(DEPS) $(EXTENSION)--*.sql build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(EXTENSION)--$(EXTVERSION).sql: $(sort $(wildcard src/sql/*.sql)) $(EXTENSION).control
	cat $(filter %.sql,$^) > $@

# The version that the library says it is of.
src/engine/upkeep/status.o: $(EXTENSION).control
src/engine/upkeep/status.o: override CPPFLAGS += -DREPLICACHE_VERSION='"$(EXTVERSION)"'

build/regress build/isolation:
	$(MKDIR_P) $@

# Compile again for another server.
server := $(shell $(PG_CONFIG) --version) $(includedir_server)
ifneq ($(server),$(file <build/server))
$(shell mkdir -p build)
$(file >build/server,$(server))
endif
$(OBJS): build/server

-include $(DEPS)

endif
