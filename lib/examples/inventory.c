/* SPDX-License-Identifier: MIT */
/*
 * inventory.c - a shop that does not sell what it does not have.
 *
 * A purchase looks at the stock, has the payment made, which takes a turn of the loop, and only
 * then takes the piece. Without a lock many customers see the last piece before one has paid. With
 * a lock for each product the purchases of one product follow one another, and those of others do
 * not wait: a keyed lock is made on demand for any key, here the product's name. It holds between
 * threads as well: the second shop has four.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <async/keyed_lock.h>

enum { PRODUCTS = 3, CUSTOMERS = 10, PURCHASES = 6, THREADS_MAX = 4 };

struct product {
    const char *name;
    int stock;
    int sold;
};

struct shop {
    struct async_keyed_lock *lock; /* NULL: the shop does without */
    struct product products[PRODUCTS];
};

/* One thread, its loop and the customers on it. */
struct counter {
    struct shop *shop;
    struct async_loop *loop;
    pthread_t thread;
    int customers;
};

struct customer {
    struct counter *counter;
    struct async_keyed_waiter keyed;
    struct async_task paid;
    struct product *product;
    int purchases_left;
};

static void end_purchase(struct customer *customer);

static void look_at_stock(struct customer *customer)
{
    if (customer->product->stock > 0)
        async_loop_post(customer->counter->loop, &customer->paid);
    else
        end_purchase(customer);
}

static void on_locked(struct async_waiter *waiter, int status)
{
    if (status == 0) /* always: there is no deadline and nobody cancels */
        look_at_stock(async_container_of(waiter, struct customer, keyed.waiter));
}

static void begin_purchase(struct customer *customer)
{
    struct counter *counter = customer->counter;
    struct shop *shop = counter->shop;
    const char *name = shop->products[customer->purchases_left % PRODUCTS].name;

    customer->product = &shop->products[customer->purchases_left % PRODUCTS];
    if (shop->lock == NULL) {
        look_at_stock(customer);
        return;
    }
    async_keyed_waiter_init(&customer->keyed, shop->lock, counter->loop, on_locked, name,
                            strlen(name));
    async_keyed_lock_acquire(shop->lock, &customer->keyed);
}

static void on_paid(struct async_task *paid)
{
    struct customer *customer = async_container_of(paid, struct customer, paid);

    customer->product->stock--;
    customer->product->sold++;
    end_purchase(customer);
}

static void end_purchase(struct customer *customer)
{
    struct counter *counter = customer->counter;

    if (counter->shop->lock != NULL)
        async_keyed_lock_release(counter->shop->lock, &customer->keyed);
    customer->purchases_left--;
    if (customer->purchases_left > 0)
        begin_purchase(customer);
    else if (--counter->customers == 0)
        async_loop_stop(counter->loop);
}

static void *serve(void *context)
{
    struct counter *counter = context;
    struct customer customers[CUSTOMERS];

    if (async_loop_new(&counter->loop) < 0) /* a loop belongs to the thread that made it */
        abort();
    for (int i = 0; i < CUSTOMERS; i++) {
        customers[i] = (struct customer){.counter = counter, .purchases_left = PURCHASES};
        async_task_init(&customers[i].paid, on_paid);
        begin_purchase(&customers[i]);
    }
    async_loop_run(counter->loop);
    return NULL;
}

/* Sells in as many threads as wanted. Returns how many pieces were sold that were not there. */
static int open_shop(int threads, bool uses_lock)
{
    struct shop shop = {.products = {{"chair", 8, 0}, {"desk", 5, 0}, {"lamp", 12, 0}}};
    struct counter counters[THREADS_MAX];
    int oversold = 0;

    if (uses_lock && async_keyed_lock_new(&shop.lock) < 0)
        abort();
    for (int i = 0; i < threads; i++) {
        counters[i] = (struct counter){.shop = &shop, .customers = CUSTOMERS};
        if (pthread_create(&counters[i].thread, NULL, serve, &counters[i]) != 0)
            abort();
    }
    for (int i = 0; i < threads; i++)
        pthread_join(counters[i].thread, NULL);

    printf("%d thread%s, %s\n", threads, threads == 1 ? "" : "s",
           uses_lock ? "a lock for each product" : "without a lock");
    for (int i = 0; i < PRODUCTS; i++) {
        const struct product *product = &shop.products[i];

        printf("  %-6s %2d sold, %2d in stock\n", product->name, product->sold, product->stock);
        oversold += product->stock < 0 ? -product->stock : 0;
    }
    for (int i = 0; i < threads; i++)
        async_loop_free(counters[i].loop);
    async_keyed_lock_free(shop.lock);
    return oversold;
}

int main(void)
{
    int without = open_shop(1, false);
    int with = open_shop(THREADS_MAX, true);

    printf("%d pieces sold without a lock that were not there; %d with\n", without, with);
    return without > 0 && with == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
