#include "include/CSentencePiece.h"
