src/pg/spi.o: src/pg/spi.cpp src/pg/spi.h src/pg/datum.h src/pg/border.h \
 src/pg/error.h src/prelude.h
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
