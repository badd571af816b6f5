src/engine/context.o: src/engine/context.cpp src/engine/context.h \
 src/pg/border.h src/pg/error.h src/prelude.h
src/engine/context.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
