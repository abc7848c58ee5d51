#pragma once

#ifdef DYNAXX_EMULATOR
#include "emulator.cuh"
#endif

typedef DYNAXX_REAL real;
