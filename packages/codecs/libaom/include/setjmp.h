// WebAssembly has no jumps between functions here: an error that libaom would jump out of ends the instance instead.
#ifndef SETJMP_H
#define SETJMP_H
typedef int jmp_buf[1];
#define setjmp(buffer) 0
#define longjmp(buffer, value) __builtin_trap()
#endif
