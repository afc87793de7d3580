#include "cli/verify.h"

#include <setjmp.h>
#include <signal.h>

static _Thread_local sigjmp_buf *guard;

static void on_bus_error(int signo)
{
    if (guard)
        siglongjmp(*guard, 1);
    signal(signo, SIG_DFL);
    raise(signo);
}

bool verify_guarded(void (*fn)(void *arg), void *arg)
{
    struct sigaction act = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};
    sigjmp_buf here;
    sigaction(SIGBUS, &act, NULL);
    if (sigsetjmp(here, 0)) {
        guard = NULL;
        return false;
    }
    guard = &here;
    fn(arg);
    guard = NULL;
    return true;
}
