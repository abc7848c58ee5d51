#include "dynaxx.cuh"

#include "clean.cu"
#include "wrong.cu"
