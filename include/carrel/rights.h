/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Permissions of a capability, as both sides number them. Freestanding.
 */
#ifndef CARREL_RIGHTS_H
#define CARREL_RIGHTS_H
#define CAP_LOAD    0x01u       /* read */
#define CAP_STORE   0x02u       /* write */
#define CAP_LOOKUP  0x04u       /* a directory: find names in it */
#define CAP_MODIFY  0x08u       /* a directory: make and remove names; a file: its attributes */
#define CAP_SEAL    0x10u       /* may seal with the object types in its bounds */
#define CAP_UNSEAL  0x20u       /* may unseal them */
#define CAP_INVOKE  0x40u       /* a sealed capability that may be invoked */
#define CAP_GRANT   0x80u       /* may be given to another table */
#define CAP_ALL     0xffu
#endif
