/* SPDX-License-Identifier: MIT */
/*
 * file.c - lines that many tasks append to one file, and that stay whole.
 *
 * Each line is written in three pieces, and between two pieces the loop turns, as it does whenever
 * a task has to wait for the rest of what it writes. Without a lock the pieces of all tasks mix.
 * The lock covers a line, not the file: tasks take turns line by line, in the order of asking.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/lock.h>

enum { TASKS = 8, LINES = 50, PIECES = 3 };

struct program {
    struct async_loop *loop;
    struct async_lock lock;
    bool uses_lock;
    FILE *file;
    int running;
};

struct task {
    struct program *program;
    struct async_waiter waiter;
    struct async_task next_piece;
    int number;
    int line;
    int piece;
};

static void write_piece(struct task *task)
{
    FILE *file = task->program->file;

    if (task->piece == 0)
        fprintf(file, "task %d ", task->number);
    else if (task->piece == 1)
        fprintf(file, "writes line %d ", task->line);
    else
        fprintf(file, "of %d\n", LINES);
    task->piece++;
    async_loop_post(task->program->loop, &task->next_piece);
}

static void on_locked(struct async_waiter *waiter, int status)
{
    struct task *task = async_container_of(waiter, struct task, waiter);

    if (status < 0)
        abort(); /* no deadline, no cancel: it cannot fail */
    write_piece(task);
}

static void write_line(struct task *task)
{
    task->piece = 0;
    if (task->program->uses_lock)
        async_lock_acquire(&task->program->lock, &task->waiter);
    else
        write_piece(task);
}

static void on_next_piece(struct async_task *next_piece)
{
    struct task *task = async_container_of(next_piece, struct task, next_piece);
    struct program *program = task->program;

    if (task->piece < PIECES) {
        write_piece(task);
        return;
    }
    if (program->uses_lock)
        async_lock_release(&program->lock, &task->waiter);
    task->line++;
    if (task->line <= LINES) {
        write_line(task);
        return;
    }
    program->running--;
    if (program->running == 0)
        async_loop_stop(program->loop);
}

/* How many lines of the file are what one task wrote. */
static int count_whole_lines(FILE *file)
{
    char line[256];
    int whole = 0;

    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char wanted[sizeof(line)] = "";
        unsigned task, number;

        if (sscanf(line, "task %u writes line %u ", &task, &number) == 2)
            snprintf(wanted, sizeof(wanted), "task %u writes line %u of %d\n", task, number, LINES);
        if (strcmp(line, wanted) == 0)
            whole++;
    }
    return whole;
}

static int write_file(bool uses_lock)
{
    struct program program = {.uses_lock = uses_lock, .running = TASKS, .file = tmpfile()};
    struct task tasks[TASKS];
    int whole;

    if (program.file == NULL || async_loop_new(&program.loop) < 0)
        abort();
    async_lock_init(&program.lock);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (struct task){.program = &program, .number = i + 1, .line = 1};
        async_waiter_init(&tasks[i].waiter, program.loop, on_locked);
        async_task_init(&tasks[i].next_piece, on_next_piece);
        write_line(&tasks[i]);
    }
    async_loop_run(program.loop);
    whole = count_whole_lines(program.file);
    async_lock_fini(&program.lock);
    async_loop_free(program.loop);
    fclose(program.file);
    return whole;
}

int main(void)
{
    const int wanted = TASKS * LINES;
    const int without = write_file(false);
    const int with = write_file(true);

    printf("%d tasks append %d lines each to one file\n", TASKS, LINES);
    printf("without a lock  %3d of %d lines are whole\n", without, wanted);
    printf("with a lock     %3d of %d lines are whole\n", with, wanted);
    return without < wanted && with == wanted ? EXIT_SUCCESS : EXIT_FAILURE;
}
