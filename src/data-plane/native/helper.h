// A thread that helps the one of JavaScript with what that waits for, in less time than it takes to tell JavaScript of anything. Part of
// kernel.c.
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "stay-awake.h"

// Does a part of the work that nobody has begun yet, part by part, until there is none and will be none.
typedef struct Work { void (*go_on)(State *, struct Work *); } Work;

struct Helper {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t called, ended;
  int ends;
  atomic_int is_awake;
  _Atomic(Work *) offered; // or taken, if the helper is at it
};

// How often it is looked whether the helper has ended what it began before one sleeps until it has.
enum { PATIENCE = 20000 };

static Work taken;

static int take_offered(Helper *helper, State *state) {
  Work *work = atomic_load(&helper->offered);
  if (!work || !atomic_compare_exchange_strong(&helper->offered, &work, &taken)) return 0;
  if (state) work->go_on(state, work);
  atomic_store(&helper->offered, NULL); // from now on the work is gone
  pthread_mutex_lock(&helper->mutex);
  pthread_cond_signal(&helper->ended);
  pthread_mutex_unlock(&helper->mutex);
  return 1;
}

static int sleep_until_called(Helper *helper) {
  pthread_mutex_lock(&helper->mutex);
  atomic_store(&helper->is_awake, 0);
  while (!atomic_load(&helper->offered) && !helper->ends) pthread_cond_wait(&helper->called, &helper->mutex);
  atomic_store(&helper->is_awake, 1);
  const int ends = helper->ends;
  pthread_mutex_unlock(&helper->mutex);
  return !ends;
}

static void *help(void *data) {
  Helper *helper = data;
  State *state = new_state();
  Watch watch = {0};
  while (sleep_until_called(helper)) {
    end_watch(&watch);
    do {
      if (take_offered(helper, state)) begin_watch(&watch);
    } while (stays_awake(&watch));
  }
  free_state(state);
  return NULL;
}

// None where it would only take the place of who asks.
static Helper *new_helper(void) {
  Helper *helper = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? calloc(1, sizeof *helper) : NULL;
  if (!helper) return NULL;
  pthread_mutex_init(&helper->mutex, NULL);
  pthread_cond_init(&helper->called, NULL);
  pthread_cond_init(&helper->ended, NULL);
  if (pthread_create(&helper->thread, NULL, help, helper) == 0) return helper;
  free(helper);
  return NULL;
}

static void wake(Helper *helper, int ends) {
  pthread_mutex_lock(&helper->mutex);
  helper->ends = ends;
  pthread_cond_signal(&helper->called);
  pthread_mutex_unlock(&helper->mutex);
}

static void end_helper(Helper *helper) {
  if (!helper) return;
  wake(helper, 1);
  pthread_join(helper->thread, NULL);
  free(helper);
}

// The helper takes part in the work from now on, or as soon as it is awake: who comes late costs no more than the call.
static void call_helper(State *state, Work *work) {
  if (!state->helper) state->helper = new_helper();
  Helper *helper = state->helper;
  if (!helper) return;
  atomic_store(&helper->offered, work);
  if (!atomic_load(&helper->is_awake)) wake(helper, 0);
}

// Afterwards the helper has ended what it began of the work, and begins no more of it.
static void dismiss_helper(State *state, Work *work) {
  Helper *helper = state->helper;
  if (!helper || atomic_compare_exchange_strong(&helper->offered, &work, NULL)) return;
  for (int i = 0; i < PATIENCE; i++)
    if (!atomic_load(&helper->offered)) return;
  pthread_mutex_lock(&helper->mutex);
  while (atomic_load(&helper->offered)) pthread_cond_wait(&helper->ended, &helper->mutex);
  pthread_mutex_unlock(&helper->mutex);
}
