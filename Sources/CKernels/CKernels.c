#include "include/CKernels.h"
