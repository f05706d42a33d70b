// One thread: OpenH264 decodes here without workers, so nothing ever waits and no thread is ever made.
#include "WelsThreadLib.h"
extern "C" {
WELS_THREAD_ERROR_CODE WelsMutexInit(WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsMutexLock(WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsMutexUnlock(WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsMutexDestroy(WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsEventOpen(WELS_EVENT*, const char*) { return 0; }
WELS_THREAD_ERROR_CODE WelsEventClose(WELS_EVENT*, const char*) { return 0; }
WELS_THREAD_ERROR_CODE WelsEventSignal(WELS_EVENT*, WELS_MUTEX*, int*) { return 0; }
WELS_THREAD_ERROR_CODE WelsEventWait(WELS_EVENT*, WELS_MUTEX*, int&) { return 0; }
WELS_THREAD_ERROR_CODE WelsEventWaitWithTimeOut(WELS_EVENT*, uint32_t, WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsMultipleEventsWaitSingleBlocking(uint32_t, WELS_EVENT*, WELS_EVENT*, WELS_MUTEX*) { return 0; }
WELS_THREAD_ERROR_CODE WelsThreadCreate(WELS_THREAD_HANDLE*, LPWELS_THREAD_ROUTINE, void*, WELS_THREAD_ATTR) { return 1; }
WELS_THREAD_ERROR_CODE WelsThreadSetName(const char*) { return 0; }
WELS_THREAD_ERROR_CODE WelsThreadJoin(WELS_THREAD_HANDLE) { return 0; }
WELS_THREAD_HANDLE WelsThreadSelf() { return 0; }
WELS_THREAD_ERROR_CODE WelsQueryLogicalProcessInfo(WelsLogicalProcessInfo* info) { info->ProcessorCount = 1; return 0; }
void WelsSleep(uint32_t) {}
int sem_post(sem_t*) { return 0; }
int sem_wait(sem_t*) { return 0; }
}
