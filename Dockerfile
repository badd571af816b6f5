# The official image of PostgreSQL with the extension: docker build --build-arg POSTGRES=17-trixie -t postgres-replicache .
# Nothing of the compiler is in the result. Replace the tag to get another PostgreSQL from 15 on.
ARG POSTGRES=15-bookworm

FROM postgres:$POSTGRES AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ make nlohmann-json3-dev postgresql-server-dev-$PG_MAJOR
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" && make install DESTDIR=/installed

FROM postgres:$POSTGRES
COPY --from=build /installed /
