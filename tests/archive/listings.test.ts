import { describe, expect, it } from 'vitest';
import { Listings } from '../../src/archive/listings.ts';
import type { Query } from '../../src/dicom/query.ts';
import { queryFromParameters } from '../../src/dicom/query-parameters.ts';

const asked = (offset: number, more = ''): Query =>
  queryFromParameters('study', new URLSearchParams(`PatientID=P${more}&limit=10&offset=${offset}`));

describe('Listings: a page goes on where the one before ended (PS3.18 8.3.4.4)', () => {
  it('for the same caller and query, at the offset itself or beyond it', () => {
    const listings = new Listings();
    listings.given('me', asked(0), 10, ['20260101', 7]);
    expect(listings.start('me', asked(10))).toEqual({ after: ['20260101', 7], offset: 0 });
    expect(listings.start('me', asked(15))).toEqual({ after: ['20260101', 7], offset: 5 });
    listings.given('me', asked(10), 10, ['20250101', 3]);
    expect(listings.start('me', asked(20))).toEqual({ after: ['20250101', 3], offset: 0 });
    expect(listings.start('me', asked(10))).toEqual({ after: ['20260101', 7], offset: 0 });
  });

  it('and for nobody else, nor for another query, nor before its first end', () => {
    const listings = new Listings();
    listings.given('me', asked(0), 10, ['20260101', 7]);
    expect(listings.start('you', asked(10))).toEqual({ after: undefined, offset: 10 });
    expect(listings.start('me', asked(10, 'Q'))).toEqual({ after: undefined, offset: 10 });
    expect(listings.start('me', asked(9))).toEqual({ after: undefined, offset: 9 });
    expect(listings.start('me', asked(0))).toEqual({ after: undefined, offset: 0 });
  });

  it('a first page that ends elsewhere is a new listing; one that ends the same is not', () => {
    const listings = new Listings();
    listings.given('me', asked(0), 10, ['20260101', 7]);
    listings.given('me', asked(10), 10, ['20250101', 3]);
    listings.given('me', asked(0), 10, ['20260101', 7]);
    expect(listings.start('me', asked(20)).offset).toBe(0);
    listings.given('me', asked(0), 10, ['20260202', 9]);
    expect(listings.start('me', asked(20))).toEqual({ after: ['20260202', 9], offset: 10 });
  });

  it('knows its latest pages, however many there were', () => {
    const listings = new Listings();
    for (let page = 0; page < 5000; page += 1) listings.given('me', asked(page * 10), 10, ['20260101', page]);
    expect(listings.start('me', asked(50_000))).toEqual({ after: ['20260101', 4999], offset: 0 });
    expect(listings.start('me', asked(49_500))).toEqual({ after: ['20260101', 4949], offset: 0 });
  });

  it('is forgotten after ten minutes, and the oldest of a thousand before that', () => {
    let now = 0;
    const listings = new Listings(() => now);
    listings.given('me', asked(0), 10, ['20260101', 7]);
    now = 10 * 60_000;
    expect(listings.start('me', asked(10)).after).toBeUndefined();
    for (let n = 0; n < 1001; n += 1) listings.given(`caller ${n}`, asked(0), 10, ['20260101', n]);
    expect(listings.start('caller 0', asked(10)).after).toBeUndefined();
    expect(listings.start('caller 1', asked(10)).after).toEqual(['20260101', 1]);
  });
});
