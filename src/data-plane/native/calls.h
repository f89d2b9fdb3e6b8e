// How JavaScript calls the kernel: now, in its own thread, or later, in one of the kernel's own. Those carry no JavaScript engine: they
// start in no time, take no memory to speak of, and nothing is copied on the way to them.
#pragma once
#include <node_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGUMENTS = 7, MOST_THREADS = 64 };

// What a thread keeps between calls.
typedef struct State State;
static State *new_state(void);
static void free_state(State *state);

// What a call is given: typed arrays of the kind that `kinds` says (b: bytes, w: 32-bit words, d: doubles) or numbers (n). It answers
// with a number, and refuses arguments that do not fit each other.
typedef struct { uint8_t *bytes; size_t length; double number; } Argument;
typedef struct { const char *kinds; double (*run)(State *, const Argument *, const char **why); } Call;

static double refuse(const char **why, const char *because) {
  *why = because;
  return -1;
}

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value fail(napi_env env, const char *why) {
  napi_throw_range_error(env, NULL, why);
  return NULL;
}

static int read_arguments(napi_env env, const char *kinds, const napi_value *values, Argument *out) {
  for (size_t i = 0; kinds[i]; i++) {
    napi_typedarray_type wanted = kinds[i] == 'b' ? napi_uint8_array : kinds[i] == 'w' ? napi_uint32_array : napi_float64_array, is;
    const int good = kinds[i] == 'n' ? napi_get_value_double(env, values[i], &out[i].number) == napi_ok
                                     : napi_get_typedarray_info(env, values[i], &is, &out[i].length, (void **)&out[i].bytes, NULL, NULL) == napi_ok && is == wanted;
    if (good) continue;
    napi_throw_type_error(env, NULL, "The kernel got arguments of another kind.");
    return 0;
  }
  return 1;
}

// name(...arguments) -> the answer
static napi_value now(napi_env env, napi_callback_info info) {
  napi_value values[MOST_ARGUMENTS]; // node fills what is missing with undefined
  Argument given[MOST_ARGUMENTS];
  size_t count = MOST_ARGUMENTS;
  const Call *call;
  State *state;
  if (napi_get_cb_info(env, info, &count, values, NULL, (void **)&call) != napi_ok || !read_arguments(env, call->kinds, values, given)) return NULL;
  if (napi_get_instance_data(env, (void **)&state) != napi_ok || !state) return fail(env, "The kernel is at work.");
  const char *why = NULL;
  const double answer = call->run(state, given, &why);
  return why ? fail(env, why) : number(env, answer);
}

typedef struct Job {
  struct Job *next;
  const Call *call;
  Argument given[MOST_ARGUMENTS];
  double id, answer;
  const char *why; // it was refused
} Job;

typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  Job *first, **end; // those that wait
  int ends;
  size_t started, running, owners;
  pthread_t threads[MOST_THREADS];
  napi_threadsafe_function done;
} Pool;

static void *serve(void *data) {
  Pool *pool = data;
  State *state = new_state();
  pthread_mutex_lock(&pool->mutex);
  for (;;) {
    while (!pool->first && !pool->ends) pthread_cond_wait(&pool->wake, &pool->mutex);
    if (pool->ends) break;
    Job *job = pool->first;
    if (!(pool->first = job->next)) pool->end = &pool->first;
    pthread_mutex_unlock(&pool->mutex);
    if (state) job->answer = job->call->run(state, job->given, &job->why);
    else job->why = "There is no memory for a thread.";
    if (napi_call_threadsafe_function(pool->done, job, napi_tsfn_blocking) != napi_ok) free(job);
    pthread_mutex_lock(&pool->mutex);
  }
  pthread_mutex_unlock(&pool->mutex);
  free_state(state);
  return NULL;
}

// In JavaScript's thread: done(id, answer, why it was refused).
static void tell(napi_env env, napi_value done, void *context, void *data) {
  Pool *pool = context;
  Job *job = data;
  napi_value undefined, values[3];
  if (env && done) {
    if (--pool->running == 0) napi_unref_threadsafe_function(env, pool->done); // an idle pool must not keep a program alive
    napi_get_undefined(env, &undefined);
    values[0] = number(env, job->id), values[1] = number(env, job->answer), values[2] = undefined;
    if (job->why) napi_create_string_utf8(env, job->why, NAPI_AUTO_LENGTH, &values[2]);
    napi_call_function(env, undefined, done, 3, values, NULL);
  }
  free(job);
}

// Waits for the jobs that run. Those that wait are dropped.
static void end_pool(void *data) {
  Pool *pool = data;
  if (pool->ends) return;
  pthread_mutex_lock(&pool->mutex);
  pool->ends = 1;
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
  for (size_t i = 0; i < pool->started; i++) pthread_join(pool->threads[i], NULL);
  while (pool->first) {
    Job *job = pool->first;
    pool->first = job->next;
    free(job);
  }
  napi_release_threadsafe_function(pool->done, napi_tsfn_abort);
}

// JavaScript holds the pool, and so does what calls JavaScript.
static void let_go(napi_env env, void *data, void *hint) {
  Pool *pool = data;
  (void)env, (void)hint;
  if (--pool->owners == 0) free(pool);
}

// startThreads(count, done) -> a pool
static napi_value start_threads(napi_env env, napi_callback_info info) {
  napi_value values[2], name, result = NULL;
  size_t given = 2;
  double count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || napi_get_value_double(env, values[0], &count) != napi_ok ||
      !(count >= 1 && count <= MOST_THREADS)) return fail(env, "A pool has 1 to 64 threads.");
  Pool *pool = calloc(1, sizeof *pool);
  if (!pool || napi_create_string_utf8(env, "kernel", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, values[1], NULL, name, 0, 1, pool, let_go, pool, tell, &pool->done) != napi_ok) {
    free(pool);
    return fail(env, "A pool can be made, and has a function to call.");
  }
  pool->owners = 1;
  pool->end = &pool->first;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  napi_unref_threadsafe_function(env, pool->done);
  napi_add_env_cleanup_hook(env, end_pool, pool);
  while (pool->started < count && pthread_create(&pool->threads[pool->started], NULL, serve, pool) == 0) pool->started++;
  if (pool->started == 0 || napi_create_external(env, pool, let_go, NULL, &result) != napi_ok) return fail(env, "Threads can be started.");
  pool->owners++;
  return result;
}

// nameLater(pool, id, ...arguments): the caller keeps the arguments until `done` was called with the id, or the pool has ended.
static napi_value later(napi_env env, napi_callback_info info) {
  napi_value values[2 + MOST_ARGUMENTS];
  size_t count = 2 + MOST_ARGUMENTS;
  const Call *call;
  Pool *pool;
  Job *job = calloc(1, sizeof *job);
  if (!job || napi_get_cb_info(env, info, &count, values, NULL, (void **)&call) != napi_ok ||
      napi_get_value_external(env, values[0], (void **)&pool) != napi_ok || pool->ends ||
      napi_get_value_double(env, values[1], &job->id) != napi_ok) {
    free(job);
    return fail(env, "A job is given to a pool that runs.");
  }
  if (!read_arguments(env, call->kinds, values + 2, job->given)) {
    free(job);
    return NULL;
  }
  job->call = call;
  if (pool->running++ == 0) napi_ref_threadsafe_function(env, pool->done);
  pthread_mutex_lock(&pool->mutex);
  *pool->end = job;
  pool->end = &job->next;
  pthread_cond_signal(&pool->wake);
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

// endThreads(pool)
static napi_value end_threads(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  Pool *pool;
  if (napi_get_cb_info(env, info, &count, &value, NULL, NULL) != napi_ok || napi_get_value_external(env, value, (void **)&pool) != napi_ok)
    return fail(env, "A pool is ended.");
  napi_remove_env_cleanup_hook(env, end_pool, pool);
  end_pool(pool);
  return NULL;
}
