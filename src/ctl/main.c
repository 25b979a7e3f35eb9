/*
 * limetwig: the command.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"

int main(int argc, char **argv)
{
	return ctl_main(argc, argv, stdout, stderr);
}
