src/engine/mutator.o: src/engine/mutator.cpp src/engine/mutator.h \
 src/pg/spi.h src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h \
 src/pg/compat.h
src/engine/mutator.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/compat.h:
