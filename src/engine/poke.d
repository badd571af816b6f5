src/engine/poke.o: src/engine/poke.cpp src/engine/poke.h src/pg/border.h \
 src/pg/error.h src/prelude.h src/pg/json_text.h src/pg/datum.h \
 src/pg/settings.h
src/engine/poke.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/json_text.h:
src/pg/datum.h:
src/pg/settings.h:
