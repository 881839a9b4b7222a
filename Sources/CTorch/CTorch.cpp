#include "include/CTorch.h"
