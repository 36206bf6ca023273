/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * CoreMark's kinds of work: a linked list searched and reversed, a small integer matrix, a state machine over text, CRC-16.
 */
#include "work.h"
enum { NODES = 400, SIDE = 24, TEXT = 1500 };
struct node {
	struct node *next;
	int16_t key, value;
};
static struct node node[NODES];
static int32_t x[SIDE][SIDE], y[SIDE][SIDE], z[SIDE][SIDE];
static char text[TEXT];

static uint16_t crc(uint16_t crc, uint32_t value)
{
	for (int bit = 0; bit < 32; bit++) {
		unsigned low = (crc ^ value) & 1;
		crc >>= 1;
		value >>= 1;
		if (low)
			crc ^= 0xa001;
	}
	return crc;
}

static struct node *reverse(struct node *list)
{
	struct node *done = NULL;
	while (list) {
		struct node *next = list->next;
		list->next = done;
		done = list;
		list = next;
	}
	return done;
}

static unsigned machine(const char *at)
{
	unsigned count[5] = {0}, state = 0;
	for (; *at; at++) {
		switch (state) {
		case 0:
			state = *at >= '0' && *at <= '9' ? 1 : *at == '+' || *at == '-' ? 2 : *at == '.' ? 3 : 0;
			break;
		case 1:
			state = *at == '.' ? 3 : *at >= '0' && *at <= '9' ? 1 : 4;
			break;
		case 2:
			state = *at >= '0' && *at <= '9' ? 1 : 4;
			break;
		case 3:
			state = *at == 'e' ? 2 : *at >= '0' && *at <= '9' ? 3 : 4;
			break;
		default:
			state = *at == ',' ? 0 : 4;
		}
		count[state]++;
	}
	return count[0] + 3 * count[1] + 7 * count[2] + 11 * count[3] + 13 * count[4];
}

int main(void)
{
	uint64_t seed = 12345;
	uint16_t result = 0xffff;
	for (int i = 0; i < NODES; i++)
		node[i] = (struct node){i + 1 < NODES ? &node[(i * 7 + 7) % NODES ? i + 1 : 0] : NULL,
					(int16_t)random_next(&seed), (int16_t)i};
	for (int i = 0; i < TEXT - 1; i++)
		text[i] = "0123456789+-.,e 7"[random_next(&seed) % 17];
	struct node *list = node;
	for (int round = 0; round < 2500; round++) {
		list = reverse(list);
		int found = 0;
		for (int key = 0; key < 20; key++)
			for (struct node *n = list; n; n = n->next)
				if ((n->key & 0x3f) == key + (round & 31)) {
					found += n->value;
					break;
				}
		result = crc(result, (uint32_t)found);
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++) {
				x[i][j] = i * j + round;
				y[i][j] = i - j + round;
			}
		for (int i = 0; i < SIDE; i++)
			for (int j = 0; j < SIDE; j++) {
				int32_t sum = 0;
				for (int k = 0; k < SIDE; k++)
					sum += x[i][k] * y[k][j];
				z[i][j] = sum >> 3;
			}
		for (int i = 0; i < SIDE; i++)
			result = crc(result, (uint32_t)z[i][(i * 5 + round) % SIDE]);
		text[round % (TEXT - 1)] ^= 1;
		result = crc(result, machine(text));
	}
	printf("%u\n", result);
	return 0;
}
