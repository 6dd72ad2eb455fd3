/* SPDX-License-Identifier: MIT */
/*
 * pipeline.c - three stages that hand words on to each other.
 *
 *      reader --queue of 2--> measurer --queue of 2--> printer
 *
 * A stage gets an item, does its part and puts it into the next queue. As the queues are bounded, a
 * stage that is too fast waits for the one behind it. The reader begins when the printer says, by
 * an event, that it is ready. The end comes by shutdown: each stage closes the queue behind it once
 * it has put all it had, and the next finds out when it has taken the rest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/event.h>
#include <async/queue.h>

enum { WORDS = 9, BETWEEN_STAGES = 2 };

struct word {
    struct async_queue_item item; /* what stands in the queues */
    const char *text;
    size_t length;
    bool is_measured;
};

struct pipeline {
    struct async_loop *loop;
    struct async_event printer_ready;
    struct async_queue to_measure, to_print;
    struct async_waiter reader_start;
    struct async_queue_waiter reader, measurer, printer; /* each puts or gets, one at a time */
    struct word words[WORDS];
    size_t read, printed, letters;
};

static struct word *word_from(struct async_queue_item *item)
{
    return async_container_of(item, struct word, item);
}

/* The reader: puts the next word, and again when it is in the queue. */
static void read_next(struct pipeline *pipeline)
{
    if (pipeline->read == WORDS) {
        async_queue_shutdown(&pipeline->to_measure, false);
        return;
    }
    async_queue_put(&pipeline->to_measure, &pipeline->reader,
                    &pipeline->words[pipeline->read].item);
    pipeline->read++;
}

static void on_reader_start(struct async_waiter *waiter, int status)
{
    (void)status;
    read_next(async_container_of(waiter, struct pipeline, reader_start));
}

static void on_read(struct async_waiter *waiter, int status)
{
    (void)status;
    read_next(async_container_of(waiter, struct pipeline, reader.waiter));
}

/* The measurer: its waiter gets and puts by turns. */
static void on_measurer(struct async_waiter *waiter, int status)
{
    struct pipeline *pipeline = async_container_of(waiter, struct pipeline, measurer.waiter);
    struct word *word;

    if (status == -ESHUTDOWN) {
        async_queue_shutdown(&pipeline->to_print, false);
        return;
    }
    word = word_from(pipeline->measurer.item);
    if (word->is_measured) { /* what is over was the put */
        async_queue_get(&pipeline->to_measure, &pipeline->measurer);
        return;
    }
    word->length = strlen(word->text);
    word->is_measured = true;
    async_queue_put(&pipeline->to_print, &pipeline->measurer, &word->item);
}

/* The printer: gets a word, prints it, and again; it sees the end. */
static void on_word_to_print(struct async_waiter *waiter, int status)
{
    struct pipeline *pipeline = async_container_of(waiter, struct pipeline, printer.waiter);
    const struct word *word;

    if (status == -ESHUTDOWN) {
        async_loop_stop(pipeline->loop);
        return;
    }
    word = word_from(pipeline->printer.item);
    printf("%-6s %zu\n", word->text, word->length);
    pipeline->printed++;
    pipeline->letters += word->length;
    async_queue_get(&pipeline->to_print, &pipeline->printer);
}

int main(void)
{
    static const char *const texts[WORDS] = {"the",  "quick", "brown", "fox", "jumps",
                                             "over", "the",   "lazy",  "dog"};
    struct pipeline pipeline = {0};

    if (async_loop_new(&pipeline.loop) < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < WORDS; i++)
        pipeline.words[i].text = texts[i];
    async_event_init(&pipeline.printer_ready);
    async_queue_init(&pipeline.to_measure, ASYNC_QUEUE_FIFO, BETWEEN_STAGES, NULL);
    async_queue_init(&pipeline.to_print, ASYNC_QUEUE_FIFO, BETWEEN_STAGES, NULL);
    async_waiter_init(&pipeline.reader_start, pipeline.loop, on_reader_start);
    async_queue_waiter_init(&pipeline.reader, pipeline.loop, on_read);
    async_queue_waiter_init(&pipeline.measurer, pipeline.loop, on_measurer);
    async_queue_waiter_init(&pipeline.printer, pipeline.loop, on_word_to_print);

    async_event_wait(&pipeline.printer_ready, &pipeline.reader_start);
    async_queue_get(&pipeline.to_measure, &pipeline.measurer);
    async_queue_get(&pipeline.to_print, &pipeline.printer);
    async_event_set(&pipeline.printer_ready);
    async_loop_run(pipeline.loop);

    printf("%zu words, %zu letters\n", pipeline.printed, pipeline.letters);
    async_queue_fini(&pipeline.to_print);
    async_queue_fini(&pipeline.to_measure);
    async_event_fini(&pipeline.printer_ready);
    async_loop_free(pipeline.loop);
    return pipeline.printed == WORDS && pipeline.letters == 35 ? EXIT_SUCCESS : EXIT_FAILURE;
}
