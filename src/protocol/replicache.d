src/protocol/replicache.o: src/protocol/replicache.cpp \
 src/protocol/replicache.h src/engine/batch.h src/protocol/request.h
src/protocol/replicache.h:
src/engine/batch.h:
src/protocol/request.h:
