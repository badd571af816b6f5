src/engine/key.o: src/engine/key.cpp src/engine/key.h \
 src/pg/scalar_text.h src/pg/datum.h src/pg/border.h src/pg/error.h \
 src/prelude.h
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
