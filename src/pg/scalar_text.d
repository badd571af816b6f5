src/pg/scalar_text.o: src/pg/scalar_text.cpp src/pg/scalar_text.h \
 src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h
src/pg/scalar_text.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
