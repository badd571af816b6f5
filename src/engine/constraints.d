src/engine/constraints.o: src/engine/constraints.cpp \
 src/engine/constraints.h src/pg/spi.h src/pg/datum.h src/pg/border.h \
 src/pg/error.h src/prelude.h
src/engine/constraints.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
