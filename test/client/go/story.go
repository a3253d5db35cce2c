// franz-go: create, produce with every codec and acks, read back by offset and by time, delete.
package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	count   = 120
	timeout = 20 * time.Second
)

var (
	passed, failed int
	bootstrap      string
	run            = fmt.Sprintf("%x", time.Now().UnixMilli())
)

func check(name string, holds bool, detail any) {
	if holds {
		passed++
		fmt.Println("ok -", name)
		return
	}
	failed++
	fmt.Println("not ok -", name, detail)
}

func must(err error) {
	if err != nil {
		fmt.Println("not ok -", err)
		os.Exit(1)
	}
}

func client(options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, options...)...)
	must(err)
	return c
}

func records(topic string, seed int64, first time.Time) []*kgo.Record {
	random := rand.New(rand.NewSource(seed))
	sizes := []int{0, 1, 10, 100, 3000}
	made := make([]*kgo.Record, 0, count)
	for i := 0; i < count; i++ {
		r := &kgo.Record{Topic: topic, Partition: 0, Timestamp: first.Add(time.Duration(i) * 10 * time.Millisecond)}
		if i%5 != 0 {
			r.Key = []byte(fmt.Sprintf("key-%d", i))
		}
		if i%7 != 3 {
			r.Value = make([]byte, sizes[random.Intn(len(sizes))])
			random.Read(r.Value)
		}
		for h := 0; h < i%4; h++ {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: fmt.Sprintf("h%d", h), Value: make([]byte, h)})
		}
		made = append(made, r)
	}
	return made
}

func same(a, b *kgo.Record) bool {
	if !bytes.Equal(a.Key, b.Key) || (a.Key == nil) != (b.Key == nil) ||
		!bytes.Equal(a.Value, b.Value) || (a.Value == nil) != (b.Value == nil) ||
		a.Timestamp.UnixMilli() != b.Timestamp.UnixMilli() || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i := range a.Headers {
		if a.Headers[i].Key != b.Headers[i].Key || !bytes.Equal(a.Headers[i].Value, b.Headers[i].Value) {
			return false
		}
	}
	return true
}

func read(topic string, offset kgo.Offset, wanted int) []*kgo.Record {
	c := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: offset}}))
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var got []*kgo.Record
	for len(got) < wanted && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, r) })
	}
	return got
}

func compare(name string, wanted, got []*kgo.Record, first int64) {
	equal := len(wanted) == len(got)
	for i := 0; equal && i < len(wanted); i++ {
		equal = same(wanted[i], got[i]) && got[i].Offset == first+int64(i)
	}
	check(name, equal, fmt.Sprintf("got %d records, expected %d", len(got), len(wanted)))
}

type codec struct {
	name  string
	codec kgo.CompressionCodec
}

type level struct {
	name    string
	options []kgo.Opt
}

func tell(admin *kadm.Client, c codec, acks level) {
	name := "franz-" + c.name + "-" + acks.name + "-" + run
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	created, err := admin.CreateTopic(ctx, 2, 1, nil, name)
	must(err)
	must(created.Err)
	made := records(name, int64(len(name)), time.Now().Add(-time.Minute))
	producer := client(append([]kgo.Opt{kgo.ProducerBatchCompression(c.codec),
		kgo.RecordPartitioner(kgo.ManualPartitioner())}, acks.options...)...)
	check(name+": produced", producer.ProduceSync(ctx, made...).FirstErr() == nil, "")
	producer.Close()

	compare(name+": read back byte for byte", made, read(name, kgo.NewOffset().AtStart(), count), 0)
	compare(name+": read from offset 77", made[77:], read(name, kgo.NewOffset().At(77), count-77), 77)
	after := kgo.NewOffset().AfterMilli(made[50].Timestamp.UnixMilli())
	compare(name+": read by time", made[50:], read(name, after, count-50), 50)
	ends, err := admin.ListEndOffsets(ctx, name)
	must(err)
	end, _ := ends.Lookup(name, 0)
	check(name+": end offset", end.Offset == count, end.Offset)
}

func main() {
	bootstrap = os.Args[1]
	c := client()
	admin := kadm.NewClient(c)
	codecs := []codec{{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()},
		{"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()}}
	levels := []level{
		{"0", []kgo.Opt{kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()}},
		{"1", []kgo.Opt{kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()}},
		{"all", nil}}
	for _, codec := range codecs {
		for _, acks := range levels {
			tell(admin, codec, acks)
		}
	}

	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	name := "franz-none-all-" + run
	deleted, err := admin.DeleteTopic(ctx, name)
	must(err)
	must(deleted.Err)
	for gone := false; !gone && ctx.Err() == nil; {
		topics, err := admin.ListTopics(ctx)
		must(err)
		gone = !topics.Has(name)
	}
	check("topic is deleted", ctx.Err() == nil, ctx.Err())
	c.Close()
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
