#include "include/CCodecs.h"
