// A thread that helps the one of JavaScript with what that waits for, in less time than it takes to tell JavaScript of anything. Part of
// kernel.c.
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

// Does a part of the work that nobody has begun yet, part by part, until there is none.
typedef struct Work { void (*go_on)(State *, struct Work *); } Work;

struct Helper {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake, idle;
  Work *offered;
  atomic_int is_busy;
  int ends;
};

// How often it is looked whether the helper has ended what it has begun before this thread sleeps until it has.
enum { PATIENCE = 20000 };

static void *help(void *data) {
  Helper *helper = data;
  State *state = new_state();
  pthread_mutex_lock(&helper->mutex);
  while (!helper->ends) {
    Work *work = helper->offered;
    if (!work) {
      pthread_cond_wait(&helper->wake, &helper->mutex);
      continue;
    }
    helper->offered = NULL;
    atomic_store(&helper->is_busy, 1);
    pthread_mutex_unlock(&helper->mutex);
    if (state) work->go_on(state, work);
    pthread_mutex_lock(&helper->mutex);
    atomic_store(&helper->is_busy, 0);
    pthread_cond_signal(&helper->idle);
  }
  pthread_mutex_unlock(&helper->mutex);
  free_state(state);
  return NULL;
}

// None where it would only take the place of who asks.
static Helper *new_helper(void) {
  Helper *helper = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? calloc(1, sizeof *helper) : NULL;
  if (!helper) return NULL;
  pthread_mutex_init(&helper->mutex, NULL);
  pthread_cond_init(&helper->wake, NULL);
  pthread_cond_init(&helper->idle, NULL);
  if (pthread_create(&helper->thread, NULL, help, helper) == 0) return helper;
  free(helper);
  return NULL;
}

static void end_helper(Helper *helper) {
  if (!helper) return;
  pthread_mutex_lock(&helper->mutex);
  helper->ends = 1;
  pthread_cond_signal(&helper->wake);
  pthread_mutex_unlock(&helper->mutex);
  pthread_join(helper->thread, NULL);
  free(helper);
}

static void offer(Helper *helper, Work *work) {
  pthread_mutex_lock(&helper->mutex);
  helper->offered = work;
  pthread_cond_signal(&helper->wake);
  pthread_mutex_unlock(&helper->mutex);
}

// Afterwards the helper has ended what it began of the work, and begins no more of it.
static void retract(Helper *helper) {
  pthread_mutex_lock(&helper->mutex);
  helper->offered = NULL;
  pthread_mutex_unlock(&helper->mutex);
  for (int i = 0; i < PATIENCE && atomic_load(&helper->is_busy); i++) atomic_thread_fence(memory_order_seq_cst);
  pthread_mutex_lock(&helper->mutex);
  while (atomic_load(&helper->is_busy)) pthread_cond_wait(&helper->idle, &helper->mutex);
  pthread_mutex_unlock(&helper->mutex);
}

// All of the work, together with the helper. Whoever is free takes the next part: a helper that comes late costs no more than the call.
static void together(State *state, Work *work) {
  if (!state->helper) state->helper = new_helper();
  if (state->helper) offer(state->helper, work);
  work->go_on(state, work);
  if (state->helper) retract(state->helper);
}
