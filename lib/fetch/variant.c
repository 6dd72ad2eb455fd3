/* SPDX-License-Identifier: MIT */
/* variant.c - keys with a second part; see variant.h. */
#include "variant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

/* Bytes that are written one after the other, as far as there is room. */
struct writer {
    char *bytes;
    size_t length;
    bool is_full;
};

static void put(struct writer *writer, const void *bytes, size_t count)
{
    if (writer->is_full || count > KEY_LENGTH_MAX - writer->length) {
        writer->is_full = true;
        return;
    }
    if (count > 0)
        memcpy(writer->bytes + writer->length, bytes, count);
    writer->length += count;
}

static void put_variant(struct writer *writer, const struct entry_index *index,
                        struct field_view fields)
{
    size_t count = 0;

    put(writer, "\0V", 2);
    put(writer, &index->generation, sizeof index->generation);
    if (writer->is_full || vary_select(&index->names, fields, writer->bytes + writer->length,
                                       KEY_LENGTH_MAX - writer->length, &count) < 0) {
        writer->is_full = true;
        return;
    }
    writer->length += count;
}

int variant_key(const struct store *store, const struct key *own, const struct entry_index *index,
                struct field_view fields, char *buffer, struct key *ret_key)
{
    struct writer writer = {.bytes = buffer};

    if (index == NULL) {
        *ret_key = *own;
        return 0;
    }
    put(&writer, own->bytes, own->length);
    put_variant(&writer, index, fields);
    if (writer.is_full)
        return -ENOBUFS;
    store_key_init(store, ret_key, buffer, writer.length);
    return 0;
}

/* Their order counts: the origin gets them in it. */
static void put_credentials(struct writer *writer, const struct fields *fields)
{
    size_t position = 0;
    struct field field;

    put(writer, "\0C", 2);
    while (fields_next(fields, &position, &field)) {
        if (!fetch_request_is_credential(field.name))
            continue;
        put(writer, field.name.length == strlen("Cookie") ? "c" : "a", 1);
        put(writer, &field.value.length, sizeof field.value.length);
        put(writer, field.value.bytes, field.value.length);
    }
}

int flight_key_make(const struct store *store, const struct fetch_request *request,
                    const struct entry_index *index, struct flight_key *ret_key)
{
    char buffer[KEY_LENGTH_MAX];
    struct writer writer = {.bytes = buffer};
    char *bytes;

    if (index == NULL && (!request->has_credentials || FAULT(credentials_shared))) {
        *ret_key = (struct flight_key){.key = request->key};
        return 0;
    }
    put(&writer, request->key.bytes, request->key.length);
    if (index != NULL)
        put_variant(&writer, index, field_view_of(&request->fields));
    if (request->has_credentials && !FAULT(credentials_shared))
        put_credentials(&writer, &request->fields);
    if (writer.is_full)
        return -ENOBUFS;
    bytes = malloc(writer.length);
    if (bytes == NULL)
        return -ENOMEM;
    memcpy(bytes, buffer, writer.length);
    ret_key->bytes = bytes;
    store_key_init(store, &ret_key->key, bytes, writer.length);
    return 0;
}

void flight_key_fini(struct flight_key *key)
{
    free(key->bytes);
    key->bytes = NULL;
}

int flight_key_copy(const struct flight_key *key, struct flight_key *ret_copy)
{
    struct flight_key copy = *key;

    if (key->bytes != NULL) {
        copy.bytes = malloc(key->key.length);
        if (copy.bytes == NULL)
            return -ENOMEM;
        memcpy(copy.bytes, key->bytes, key->key.length);
        copy.key.bytes = copy.bytes;
    }
    *ret_copy = copy;
    return 0;
}
