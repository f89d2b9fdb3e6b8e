// Who falls asleep between two questions is woken for longer than the answer takes. Part of kernel.c.
#pragma once
#include <poll.h>
#include <sched.h>
#include <time.h>

// All in microseconds. To be woken takes 10 to 30, and in a virtual machine with busy neighbours ten times as long: who was asked again
// SOON stays awake for the next question, as KVM does for a guest that has nothing to do (halt_poll_ns). The processor is for everybody
// else who wants it, but who gave it away gets it back late: if that took LONG, others need it, and it doesn't pay to stay awake for a REST.
enum { SOON = 200, LONG = 1000, REST = 250000 };

// Whether it pays to stay awake: since when there is nothing to do, and until when others are let have the processor.
typedef struct { double since, rests_until; int is_asked_soon; } Watch;

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

// From now on there is nothing to do.
static void begin_watch(Watch *watch) { watch->since = microseconds(); }

// There is something to do.
static void end_watch(Watch *watch) { watch->is_asked_soon = microseconds() - watch->since < SOON; }

// Whether to look once more for something to do. Gives everybody else their turn before that.
static int stays_awake(Watch *watch) {
  const double before = microseconds();
  if (!watch->is_asked_soon || before - watch->since > SOON || before < watch->rests_until) return 0;
  sched_yield();
  const double after = microseconds();
  if (after - before > LONG) watch->rests_until = after + REST;
  return 1;
}
